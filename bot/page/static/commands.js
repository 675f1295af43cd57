// The synced commands as the composer needs them. What there is, and in which words, comes from the bot alone.

const CHAT = 1, MESSAGE = 3;
const NESTED = [1, 2]; // option types: subcommand, group
export const STRING = 3;

const local = (thing, key, locale) => thing[`${key}_localizations`]?.[locale] ?? thing[key] ?? "";

/** Every command that can be sent in a channel: {path, shown, description, options}. */
export function slashCommands(place, channel) {
  return place.commands
    .filter((command) => command.type === CHAT && command.channels.includes(channel))
    .flatMap((command) => leaves(command, [], "/", place.locale));
}

function leaves(node, path, shown, locale) {
  const way = [...path, node.name];
  const words = `${shown}${local(node, "name", locale)}`;
  const inner = (node.options ?? []).filter((option) => NESTED.includes(option.type));
  if (inner.length) return inner.flatMap((option) => leaves(option, way, `${words} `, locale));
  const options = (node.options ?? []).map((option) => ({
    ...option,
    shown: local(option, "name", locale),
    about: local(option, "description", locale),
    choices: option.choices?.map((choice) => ({ label: local(choice, "name", locale), value: choice.value })),
  }));
  return [{ path: way, shown: words, description: local(node, "description", locale), options }];
}

/** The commands of a message's menu. */
export function messageCommands(place, channel) {
  return place.commands
    .filter((command) => command.type === MESSAGE && command.channels.includes(channel))
    .map((command) => ({ name: command.name, shown: local(command, "name", place.locale) }));
}

/** Those that fit what was typed: by the beginning, else by all words anywhere in name or description. */
export function matching(commands, typed) {
  const wanted = typed.toLowerCase().replace(/^\//, "").trim();
  const words = wanted.split(/\s+/);
  const rank = ({ shown, description }) => {
    const name = shown.toLowerCase().slice(1);
    if (name.startsWith(wanted)) return 0;
    if (words.every((word) => name.includes(word))) return 1;
    return words.every((word) => `${name} ${description.toLowerCase()}`.includes(word)) ? 2 : 3;
  };
  const ranked = commands.map((command) => [rank(command), command]).sort((a, b) => a[0] - b[0]);
  const worst = ranked[0]?.[0] === 0 ? 0 : 2; // where a name begins like this, the others are noise
  return ranked.filter(([place]) => place <= worst).map(([, command]) => command);
}

/** The command a newcomer is shown first: one that needs nothing but a text, and its name says that it speaks. */
export function firstTry(commands) {
  const easy = commands.filter(({ options }) => {
    const needed = options.filter((option) => option.required);
    return needed.length === 1 && needed[0].type === STRING && !needed[0].choices;
  });
  return easy.find(({ path }) => path.at(-1) === "say") ?? easy[0];
}
