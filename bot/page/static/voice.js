// Hearing the voice channel: the very Opus packets that a member's client decrypts, through the browser's own decoder.
// Frames are a 32-bit timestamp (48 kHz samples) and one packet; each sounds at its time, so gaps stay gaps.

const RATE = 48000;
const AHEAD = 0.12; // seconds between arrival and sound: what the network and the decoder may be late
const SILENCE = 3; // bytes; the packet that says nothing
const QUIET_AFTER = 300; // ms

export class Hearing {
  heard = 0; // packets decoded
  #context = null;
  #decoder = null;
  #offset = null; // context time minus stream time, seconds
  #speaking = 0;
  #changed;

  /** `changed(speaking)` is called when the bot begins and ends to speak. */
  constructor(changed) {
    this.#changed = changed;
  }

  get possible() {
    return "AudioDecoder" in window;
  }

  get on() {
    return this.#context?.state === "running";
  }

  /** To be called from a click: browsers let no page sound by itself. */
  async start() {
    if (!this.possible) return;
    this.#context ??= new AudioContext({ sampleRate: RATE });
    if (!this.#decoder || this.#decoder.state === "closed") {
      this.#decoder = new AudioDecoder({ output: (data) => this.#schedule(data), error: () => this.stop() });
      this.#decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: 2 });
    }
    await this.#context.resume();
  }

  stop() {
    this.#context?.close();
    if (this.#decoder?.state === "configured") this.#decoder.close();
    this.#context = this.#decoder = this.#offset = null;
  }

  /** A frame from the wire. */
  take(frame) {
    const packet = frame.slice(4);
    if (packet.byteLength > SILENCE) this.#noteSpeaking();
    if (!this.on || this.#decoder?.state !== "configured") return;
    const timestamp = Math.round((new DataView(frame).getUint32(0) / RATE) * 1e6);
    this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data: packet }));
  }

  #schedule(data) {
    const buffer = this.#context.createBuffer(data.numberOfChannels, data.numberOfFrames, data.sampleRate);
    for (let channel = 0; channel < data.numberOfChannels; channel++) {
      data.copyTo(buffer.getChannelData(channel), { planeIndex: channel, format: "f32-planar" });
    }
    const stream = data.timestamp / 1e6, now = this.#context.currentTime;
    data.close();
    const due = stream + (this.#offset ?? -Infinity);
    if (due < now || due > now + 1) this.#offset = now + AHEAD - stream; // the first one, or the bot started anew
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    source.start(stream + this.#offset);
    this.heard++;
  }

  #noteSpeaking() {
    if (!this.#speaking) this.#changed(true);
    clearTimeout(this.#speaking);
    this.#speaking = setTimeout(() => {
      this.#speaking = 0;
      this.#changed(false);
    }, QUIET_AFTER);
  }
}
