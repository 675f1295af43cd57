// What the page knows. Everything here came over the wire, but for the channel in view and what was dismissed.

export const TEXT = 0, DM = 1, VOICE = 2, GROUP = 3, THREAD = 11;
export const EPHEMERAL = 1 << 6, LOADING = 1 << 7, VOICE_MESSAGE = 1 << 13;

export class State {
  place = null; // you, people, channels, commands
  messages = new Map(); // by id, in the order they came
  channel = null; // id of the one in view
  dismissed = new Set();
  unread = new Set(); // channels

  get you() {
    return this.person(this.place?.you);
  }

  get here() {
    return this.place?.channels.find((channel) => channel.id === this.channel);
  }

  get bot() {
    return this.place?.people.find((person) => person.bot);
  }

  /** The voice channel that this person sits in. */
  get room() {
    return this.place?.channels.find((channel) => channel.type === VOICE && channel.inside.includes(this.place.you));
  }

  person(id) {
    return this.place?.people.find((person) => person.id === id);
  }

  /** What is in a channel, oldest first. Ids are snowflakes: a longer one is later, of two equally long the greater. */
  inChannel(id) {
    return [...this.messages.values()]
      .filter((message) => message.channel_id === id && !this.dismissed.has(message.id))
      .sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
  }
}

/** Settings that outlive a reload. */
export const settings = {
  get(key, otherwise) {
    return localStorage.getItem(`barkbot.${key}`) ?? otherwise;
  },
  set(key, value) {
    localStorage.setItem(`barkbot.${key}`, value);
  },
};
