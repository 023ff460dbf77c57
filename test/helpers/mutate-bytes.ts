/** mutateBytes: damage a message the way a broken peer or a bad wire would. Deterministic for a seed. */

/** xorshift32: a small generator, so that a failing seed can be run again. */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const SPLICES = [
  "null",
  "[]",
  "{}",
  '""',
  "-1",
  "1e999",
  '"\\u0000"',
  '"\\ud800"',
  "true",
  ",",
  '"',
  "}",
  "\\",
  "\u0000",
];

/** One to four cuts, flips, copies or splices of `bytes`. */
export function mutateBytes(bytes: Uint8Array, seed: number): Uint8Array {
  const random = randomFrom(seed);
  let out = [...bytes];
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(out.length + 1);
    const length = random(12);
    switch (random(5)) {
      case 0:
        out.splice(at, length);
        break;
      case 1:
        if (at < out.length) out[at] = random(256);
        break;
      case 2:
        out.splice(at, 0, ...out.slice(at, at + length));
        break;
      case 3:
        out.splice(at, length, ...new TextEncoder().encode(SPLICES[random(SPLICES.length)]));
        break;
      default:
        // Replace a JSON value by another: the text stays JSON more often, and the shape is wrong.
        out = [...new TextEncoder().encode(replaceValue(new TextDecoder().decode(Uint8Array.from(out)), random))];
    }
  }
  return Uint8Array.from(out);
}

function replaceValue(text: string, random: (below: number) => number): string {
  const values = [...text.matchAll(/:("[^"]*"|\d+|null|true|false)/g)];
  const value = values[random(Math.max(1, values.length))];
  if (!value) return text;
  const splice = SPLICES[random(8)]!;
  return `${text.slice(0, value.index + 1)}${splice}${text.slice(value.index + value[0].length)}`;
}
