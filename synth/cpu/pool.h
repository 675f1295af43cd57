/* Threads that work on one task together and meet between its phases.
 *
 * A decode step is two milliseconds in a hundred phases: waking a sleeping thread for each would cost more than the work.
 * So threads spin for about a millisecond, giving the core away now and then, and sleep only when nothing comes. */

#ifndef POOL_H
#define POOL_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

enum { PATIENCE = 20000, POLITE = 1000 }; /* turns of a spin: until sleep, and between two offers of the core */

typedef void Work(const void *task, int thread);

typedef struct Pool {
    int threads;             /* the caller's included */
    pthread_mutex_t entry;   /* one task at a time */
    pthread_mutex_t lock;    /* of `calls`, for those who sleep */
    pthread_cond_t called;
    atomic_uint calls;       /* tasks so far */
    atomic_uint meetings;    /* of all threads, so far */
    atomic_int arrived;      /* threads at the next meeting */
    atomic_int closing;
    Work *work;
    const void *task;
    void *scratch;
    size_t scratch_size;
    struct Seat { struct Pool *pool; pthread_t thread; int number; } seats[];
} Pool;

static inline void breathe(int turn) {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
    if (turn % POLITE == POLITE - 1) sched_yield();
}

/* Wait until all threads are here. What each wrote before, all can read after. */
static void meet(Pool *pool) {
    if (pool->threads == 1) return;
    unsigned meeting = atomic_load_explicit(&pool->meetings, memory_order_acquire);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 == pool->threads) {
        atomic_store(&pool->arrived, 0);
        atomic_store(&pool->meetings, meeting + 1);
        return;
    }
    for (int turn = 0; atomic_load_explicit(&pool->meetings, memory_order_acquire) == meeting; turn = (turn + 1) & 0xFFFF)
        breathe(turn);
}

static void await_call(Pool *pool, unsigned seen) {
    for (int turn = 0; turn < PATIENCE; turn++) {
        if (atomic_load_explicit(&pool->calls, memory_order_acquire) != seen) return;
        breathe(turn);
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->calls) == seen) pthread_cond_wait(&pool->called, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void call(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->calls, 1);
    pthread_cond_broadcast(&pool->called);
    pthread_mutex_unlock(&pool->lock);
}

static void *serve(void *given) {
    struct Seat *seat = given;
    Pool *pool = seat->pool;
    for (unsigned seen = 0;; seen++) {
        await_call(pool, seen);
        if (atomic_load(&pool->closing)) return NULL;
        pool->work(pool->task, seat->number);
        meet(pool);
    }
}

/* Let all threads work on `task`; returns when it is done. */
static void together(Pool *pool, Work *work, const void *task) {
    pool->work = work;
    pool->task = task;
    if (pool->threads > 1) call(pool);
    work(task, 0);
    meet(pool);
}

/* At least `size` bytes that the task may use, or NULL. */
static void *scratch(Pool *pool, size_t size) {
    if (size > pool->scratch_size) {
        free(pool->scratch);
        size = (size + 63) / 64 * 64;
        pool->scratch = aligned_alloc(64, size);
        pool->scratch_size = pool->scratch ? size : 0;
    }
    return pool->scratch;
}

void close_pool(Pool *pool) {
    atomic_store(&pool->closing, 1);
    call(pool);
    for (int number = 1; number < pool->threads; number++) pthread_join(pool->seats[number].thread, NULL);
    free(pool->scratch);
    free(pool);
}

/* A pool of so many threads, the caller's included; fewer where no more can be had, NULL without memory. */
Pool *open_pool(int threads) {
    Pool *pool = calloc(1, sizeof(Pool) + (size_t)threads * sizeof(struct Seat));
    if (!pool) return NULL;
    pthread_mutex_init(&pool->entry, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->called, NULL);
    int number = 1;
    for (; number < threads; number++) {
        struct Seat *seat = &pool->seats[number];
        seat->pool = pool;
        seat->number = number;
        if (pthread_create(&seat->thread, NULL, serve, seat)) break;
    }
    pool->threads = number; /* nobody reads it before the first call */
    return pool;
}

#endif
