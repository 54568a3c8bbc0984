/** A paste or drop that would make a text longer than can be sent is refused before the page works on it. */

import { type ClipboardEvent, type DragEvent, useState } from "react";
import { count } from "@/ui/numbers";

type Field = HTMLInputElement | HTMLTextAreaElement;

/** Counted as the API does: a pair of JavaScript's is one. */
export function characters(text: string): number {
  let counted = 0;
  for (const _ of text) counted += 1;
  return counted;
}

/** How long it would be and how long it may be, in words; null: there is room. */
export function refusal(would: number, most: number, counted = ""): string | null {
  if (would <= most) return null;
  return `With what you put in, it would have ${count(would)} characters${counted}; ${count(most)} are the most. Nothing was put in.`;
}

/** Of a field of plain text. `refused` says why, until the text changes. */
export function useRoom(most: number) {
  const [refused, setRefused] = useState<string | null>(null);
  const look = (event: ClipboardEvent<Field> | DragEvent<Field>, given: DataTransfer, replaced: string) => {
    const text = given.getData("text/plain").replaceAll("\r\n", "\n");
    const { value } = event.currentTarget;
    const wouldBe = value.length - replaced.length + text.length;
    // Counted as the API does only where that can matter.
    const why =
      wouldBe <= most ? null : refusal(characters(value) - characters(replaced) + characters(text), most);
    setRefused(why);
    if (why) event.preventDefault();
  };
  return {
    refused,
    on: {
      onInput: () => setRefused(null),
      onPaste: (event: ClipboardEvent<Field>) => {
        const { value, selectionStart, selectionEnd } = event.currentTarget;
        look(event, event.clipboardData, value.slice(selectionStart ?? 0, selectionEnd ?? 0));
      },
      onDrop: (event: DragEvent<Field>) => look(event, event.dataTransfer, ""), // it goes beside the selection
    },
  };
}
