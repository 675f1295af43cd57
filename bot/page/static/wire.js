// The WebSocket: events of the scene in, deeds out, each deed with a number by which its answer is found.

const AGAIN_AFTER = 1000; // ms between attempts to reach a demo that went away

export class Wire {
  #socket = null;
  #waiting = new Map();
  #number = 0;
  #query = "";
  #handlers;

  /** `handlers`: event(data), sound(buffer), opened(), lost(). */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** From now on the page is this person. */
  open(who, locale) {
    this.#query = new URLSearchParams({ as: who, locale });
    this.#connect();
  }

  /** Does something as this person; the answer may have `error` (words for them), `modal` or `choices`. */
  do(deed, fields = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return Promise.resolve({ error: "There is no connection to the demo." });
    const number = ++this.#number;
    this.#socket.send(JSON.stringify({ do: deed, number, ...fields }));
    return new Promise((resolve) => this.#waiting.set(number, resolve));
  }

  #connect() {
    const old = this.#socket;
    const socket = new WebSocket(`ws://${location.host}/live?${this.#query}`);
    this.#socket = socket;
    old?.close();
    this.#release("The person was changed.");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket === this.#socket && this.#handlers.opened();
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      if (typeof data === "string") this.#take(JSON.parse(data));
      else this.#handlers.sound(data);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#release("The connection to the demo was lost.");
      this.#handlers.lost();
      setTimeout(() => socket === this.#socket && this.#connect(), AGAIN_AFTER);
    };
  }

  #take(event) {
    if (event.event !== "answer") return this.#handlers.event(event);
    this.#waiting.get(event.to)?.(event);
    this.#waiting.delete(event.to);
  }

  #release(error) {
    for (const resolve of this.#waiting.values()) resolve({ error });
    this.#waiting.clear();
  }
}
