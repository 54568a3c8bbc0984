/** The bound on what the editor holds, looked at where something is put in: pasted, dropped, or dragged within it. */

import { Extension, getHTMLFromFragment } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { Plugin } from "@tiptap/pm/state";
import { withoutPieces as sent } from "./liquidPieces";
import { characters, refusal } from "./room";

interface Options {
  /** Characters of its HTML. */
  most: number;
  /** Is told why, or null where there was room. */
  onLook: (refused: string | null) => void;
}

export const EditorRoom = Extension.create<Options>({
  name: "room",
  addOptions: () => ({ most: Number.POSITIVE_INFINITY, onLook: () => {} }),
  addProseMirrorPlugins() {
    const { most, onLook } = this.options;
    const size = (doc: Node) => characters(sent(getHTMLFromFragment(doc.content, doc.type.schema)));
    /** What is being put in is by itself longer than all may be. */
    let isTooLong = false;
    const begin = () => {
      isTooLong = false;
      return false;
    };
    const look = (would: number) => {
      const why = refusal(would, most, ", formatting included");
      onLook(why);
      return why === null;
    };
    const bounded = (given: string) => {
      isTooLong = !look(characters(sent(given)));
      return isTooLong ? "" : given; // else the page works on it for minutes
    };
    return [
      new Plugin({
        props: {
          transformPastedHTML: bounded,
          transformPastedText: bounded,
          handleDOMEvents: { paste: begin, drop: begin },
          handlePaste: () => isTooLong,
          handleDrop: () => isTooLong,
        },
        filterTransaction: (transaction, { doc }) => {
          if (!["paste", "drop"].includes(transaction.getMeta("uiEvent"))) return true;
          const would = size(transaction.doc);
          return would <= most || would <= size(doc) || look(would);
        },
      }),
    ];
  },
});
