import { Node } from "@tiptap/core";

export const PICTURE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/** The pictures among files that were pasted or dropped. */
export function picturesIn(given: DataTransfer | null): File[] {
  return [...(given?.files ?? [])].filter(({ type }) => PICTURE_TYPES.includes(type));
}

/** A picture in the text: a file on the server, and nobody else's. */
export const Picture = Node.create({
  name: "picture",
  group: "inline",
  inline: true,
  draggable: true,
  addAttributes() {
    return { src: { default: "" }, alt: { default: "" }, width: { default: null } };
  },
  parseHTML() {
    return [{ tag: 'img[src^="/api/files/"]' }];
  },
  renderHTML({ HTMLAttributes }) {
    return ["img", HTMLAttributes];
  },
});
