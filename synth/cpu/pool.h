/* Threads that work on one task together and meet between its phases.
 *
 * A decode step is two milliseconds in a hundred phases: waking a sleeping thread for each would cost more than the work.
 * So threads spin for a while, and sleep when nothing comes: between two jobs, or when others need the cores. They offer
 * their core meanwhile: where two of them share one, whom the one waits for could not go on. */

#ifndef POOL_H
#define POOL_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "tiles.h"
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

/* Turns of a spin before sleep, 10 to 40 ns each: for the others in a task, and for the next task. */
enum { SOON = 2000, LATER = 20000 };

typedef void Work(const void *task, int thread);

typedef struct Pool {
    int threads;             /* the caller's included */
    int tiles;               /* whether they may use the matrix unit */
    pthread_mutex_t entry;   /* one task at a time */
    pthread_mutex_t lock;    /* of the two counts below, for those who sleep */
    pthread_cond_t changed;
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

static inline void breathe(void) {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
}

/* Wait until `count` is no longer `old`. What was written before it changed can be read after. */
static void await_change(Pool *pool, atomic_uint *count, unsigned old, int patience) {
    for (int turn = 0; turn < patience; turn++) {
        if (atomic_load_explicit(count, memory_order_acquire) != old) return;
        if (turn % 32 == 31) sched_yield();
        breathe();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(count) == old) pthread_cond_wait(&pool->changed, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void advance(Pool *pool, atomic_uint *count) {
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(count, 1);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* Wait until all threads are here. */
static void meet(Pool *pool) {
    if (pool->threads == 1) return;
    unsigned meeting = atomic_load(&pool->meetings);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 < pool->threads) {
        await_change(pool, &pool->meetings, meeting, SOON);
        return;
    }
    atomic_store(&pool->arrived, 0);
    advance(pool, &pool->meetings);
}

static void *serve(void *given) {
    struct Seat *seat = given;
    Pool *pool = seat->pool;
    for (unsigned seen = 0;; seen++) {
        await_change(pool, &pool->calls, seen, LATER);
        if (atomic_load(&pool->closing)) return NULL;
        pool->work(pool->task, seat->number);
        meet(pool);
    }
}

/* Let all threads work on `task`; returns when it is done. */
static void together(Pool *pool, Work *work, const void *task) {
    pool->work = work;
    pool->task = task;
    if (pool->threads > 1) advance(pool, &pool->calls);
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
    advance(pool, &pool->calls);
    for (int number = 1; number < pool->threads; number++) pthread_join(pool->seats[number].thread, NULL);
    free(pool->scratch);
    free(pool);
}

/* A pool of so many threads, the caller's included; fewer where no more can be had, NULL without memory. */
Pool *open_pool(int threads) {
    Pool *pool = calloc(1, sizeof(Pool) + (size_t)threads * sizeof(struct Seat));
    if (!pool) return NULL;
    pool->tiles = may_tile();
    pthread_mutex_init(&pool->entry, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    sigset_t every_signal, before; /* signals are the caller's business: its waiting must be interrupted, not ours */
    sigfillset(&every_signal);
    pthread_sigmask(SIG_BLOCK, &every_signal, &before);
    int number = 1;
    for (; number < threads; number++) {
        struct Seat *seat = &pool->seats[number];
        seat->pool = pool;
        seat->number = number;
        if (pthread_create(&seat->thread, NULL, serve, seat)) break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool->threads = number; /* nobody reads it before the first call */
    return pool;
}

#endif
