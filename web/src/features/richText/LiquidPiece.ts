import { InputRule, Node } from "@tiptap/core";

/** A tag of Liquid in the editor: one piece, which takes formatting as a whole. */
export const LiquidPiece = Node.create({
  name: "liquid",
  group: "inline",
  inline: true,
  atom: true,
  addAttributes() {
    return { tag: { default: "", rendered: false, parseHTML: (element) => element.textContent ?? "" } };
  },
  parseHTML() {
    return [{ tag: "span[data-liquid]", priority: 100 }];
  },
  renderHTML({ node }) {
    return ["span", { "data-liquid": "" }, `${node.attrs.tag}`];
  },
  renderText({ node }) {
    return `${node.attrs.tag}`;
  },
  addInputRules() {
    return [
      new InputRule({
        find: /(\{\{[^{}]+\}\}|\{%[^{}]+%\})$/,
        handler: ({ state, range, match }) => {
          const marks = state.doc.resolve(range.from).marksAcross(state.doc.resolve(range.to)) ?? [];
          state.tr.replaceWith(range.from, range.to, this.type.create({ tag: match[0] }, null, marks));
        },
      }),
    ];
  },
});
