/** Puts `text` where the caret of a field is, and the caret behind it. */
export function insertAt(
  input: HTMLInputElement | HTMLTextAreaElement,
  text: string,
  onText: (value: string) => void,
): void {
  const start = input.selectionStart ?? input.value.length;
  onText(input.value.slice(0, start) + text + input.value.slice(input.selectionEnd ?? start));
  requestAnimationFrame(() => {
    input.focus();
    input.setSelectionRange(start + text.length, start + text.length);
  });
}
