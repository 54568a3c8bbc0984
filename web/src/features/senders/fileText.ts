/** The text of a file of mailboxes. */

/** UTF-8, or UTF-16 that says so. No other encoding is guessed: a password that is read wrongly would be tried. Throws. */
export async function textOfFile(file: Blob): Promise<string> {
  const content = await file.arrayBuffer();
  const [first, second] = new Uint8Array(content);
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(content);
  } catch {
    throw new Error("The file is not text in UTF-8. Save it as “CSV UTF-8”, and choose it again.");
  }
}
