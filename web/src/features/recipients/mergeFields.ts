/** Merge fields: what columns are called in templates, and how one is written into a text. */

/** Those of app/mail/names.py. */
const LIQUID_WORDS = new Set(
  "and as blank cols contains continue else empty false for if in limit nil not null offset or required reversed true with".split(
    " ",
  ),
);

/** `First Name` is `first_name`: the rule of `field_name` in app/domain/recipients/lists.py. */
export function fieldName(header: string): string {
  const name = header
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\u200b-\u200d\u2060\ufeff]/g, "")
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, "_")
    .replace(/^_+|_+$/g, "");
  return LIQUID_WORDS.has(name) ? `${name}_` : name;
}

/** `{{ first_name }}`, or with what stands for it where it is empty. */
export function placeholder(field: string, fallback = ""): string {
  const text = fallback.trim();
  if (!text) return `{{ ${field} }}`;
  const quoted = text.includes('"') ? `'${text.replaceAll("'", "’")}'` : `"${text}"`;
  return `{{ ${field} | default: ${quoted} }}`;
}
