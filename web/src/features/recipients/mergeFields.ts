/** Merge fields: what columns are called in templates, and how one is written into a text. */

const LIQUID_WORDS = new Set(["and", "blank", "contains", "empty", "false", "nil", "null", "or", "true"]);

/** `First Name` is `first_name`: the rule of `field_name` in app/domain/recipients/lists.py. */
export function fieldName(header: string): string {
  const name = header
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "_")
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
