// Sound in a message: an <audio> with a drawn waveform. The slider over the drawing is a real range input, so that keyboard
// and screen readers get the usual thing.

import { el, icon } from "./dom.js";

const BARS = 96;
let playing = null; // one at a time, as in Discord

/** The player of an attachment; `player.audio` is its audio element. */
export function player(attachment, { bubble = false } = {}) {
  const audio = el("audio", { src: attachment.url, preload: "metadata" });
  const button = el("button", { type: "button", class: "play", "aria-label": `Play ${attachment.filename}` }, icon("play"));
  const picture = el("canvas", { width: BARS * 4, height: 64, "aria-hidden": "true" });
  const slider = el("input", { type: "range", min: "0", max: "1000", value: "0", "aria-label": "Position" });
  const clock = el("span", { class: "clock" }, length(attachment.duration_secs ?? 0));
  const name = attachment.description || attachment.filename;
  const save = el("a", { class: "icon-button", href: attachment.url, download: attachment.filename, "aria-label": `Save ${attachment.filename}` }, icon("save"));
  const title = el("div", { class: "file-name", title: name }, attachment.filename, el("span", {}, `${size(attachment.size)}`));
  const box = el("div", { class: bubble ? "player bubble" : "player", role: "group", "aria-label": name }, bubble ? null : title,
    el("div", { class: "row" }, button, el("div", { class: "wave" }, picture, slider), clock, save), audio);
  box.audio = audio;
  const bars = attachment.waveform ? Promise.resolve(written(attachment.waveform)) : measured(attachment.url);
  wire({ audio, button, slider, clock, picture, bars });
  return box;
}

function wire({ audio, button, slider, clock, picture, bars }) {
  let heights = new Array(BARS).fill(0.06);
  const whole = () => (Number.isFinite(audio.duration) ? audio.duration : 0);
  const draw = () => paint(picture, heights, whole() ? audio.currentTime / whole() : 0);
  const tick = () => {
    slider.value = whole() ? Math.round((audio.currentTime / whole()) * 1000) : 0;
    clock.textContent = length(audio.paused && !audio.currentTime ? whole() : audio.currentTime);
    slider.setAttribute("aria-valuetext", `${length(audio.currentTime)} of ${length(whole())}`);
    draw();
    if (!audio.paused) requestAnimationFrame(tick);
  };
  const show = () => {
    const verb = audio.paused ? "Play" : "Pause";
    button.replaceChildren(icon(audio.paused ? "play" : "pause"));
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+/, verb));
    tick();
  };
  button.addEventListener("click", () => (audio.paused ? audio.play().catch(show) : audio.pause()));
  slider.addEventListener("input", () => {
    audio.currentTime = (slider.value / 1000) * whole();
    tick();
  });
  audio.addEventListener("play", () => {
    if (playing !== audio) playing?.pause();
    playing = audio;
    show();
  });
  for (const event of ["pause", "loadedmetadata", "ended"]) audio.addEventListener(event, show);
  new ResizeObserver(draw).observe(picture);
  picture.addEventListener("colours", draw);
  bars.then((found) => {
    heights = found;
    draw();
  });
}

/** A voice message carries its drawing: base64 of up to 256 bytes. */
function written(waveform) {
  try {
    return resample([...atob(waveform)].map((letter) => letter.charCodeAt(0) / 255));
  } catch {
    return new Array(BARS).fill(0.06);
  }
}

/** The peaks of a file. */
async function measured(url) {
  try {
    const bytes = await (await fetch(url)).arrayBuffer();
    const sound = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes);
    const samples = sound.getChannelData(0);
    const step = Math.max(1, Math.floor(samples.length / BARS));
    const peaks = Array.from({ length: BARS }, (_, bar) => samples.subarray(bar * step, (bar + 1) * step).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
    const top = Math.max(...peaks, 0.05);
    return peaks.map((peak) => peak / top);
  } catch {
    return new Array(BARS).fill(0.06); // not a sound after all: the player says so when it is started
  }
}

function resample(values) {
  return Array.from({ length: BARS }, (_, bar) => values[Math.floor((bar * values.length) / BARS)] ?? 0);
}

function paint(canvas, heights, done) {
  const colours = getComputedStyle(canvas);
  const width = (canvas.width = Math.max(1, canvas.clientWidth * devicePixelRatio));
  const height = (canvas.height = Math.max(1, canvas.clientHeight * devicePixelRatio));
  const pen = canvas.getContext("2d");
  const step = width / heights.length;
  heights.forEach((value, bar) => {
    const tall = Math.max(2 * devicePixelRatio, value * height);
    pen.fillStyle = colours.getPropertyValue(bar / heights.length < done ? "--wave-done" : "--wave");
    pen.beginPath();
    pen.roundRect(bar * step, (height - tall) / 2, Math.max(1, step * 0.6), tall, step);
    pen.fill();
  });
}

function length(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Bytes in words. */
export function size(bytes) {
  return bytes >= 1 << 20 ? `${(bytes / (1 << 20)).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1024))} kB`;
}
