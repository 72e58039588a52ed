/** Words put into lines of at most `width` characters; a longer word has a line of its own. */
export function wrapWords(words: readonly string[], width: number, between = " "): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.length > 0 ? `${lines.at(-1)}${between}${word}` : word;
    if (lines.length === 0 || line.length > width) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines;
}
