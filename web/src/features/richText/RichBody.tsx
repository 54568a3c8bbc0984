import "@mantine/tiptap/styles.layer.css";
import { FileButton, Input } from "@mantine/core";
import { RichTextEditor } from "@mantine/tiptap";
import { IconPhoto } from "@tabler/icons-react";
import Link from "@tiptap/extension-link";
import { useEditor } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import { type RefObject, useEffect, useState } from "react";
import { LIMITS } from "@/api/constants";
import { nonce } from "@/ui/nonce";
import { EditorRoom } from "./editorRoom";
import { usePictures } from "./files";
import { LiquidPiece } from "./LiquidPiece";
import { linkTarget } from "./links";
import { withoutPieces as sent, withPieces } from "./liquidPieces";
import { PICTURE_TYPES, Picture, picturesIn } from "./Picture";
import { cleaned } from "./paste";
import classes from "./richText.module.css";
import { TABLES } from "./Table";

interface Props {
  /** Its name for a person who does not see it. */
  label?: string;
  html: string;
  onChange: (html: string) => void;
  onFocus: () => void;
  /** Set to what inserts a merge field at the caret, for as long as the editor is there. */
  insert: RefObject<((text: string) => void) | null>;
  /** Whether it may show pictures. */
  pictures?: boolean;
  /** Characters of its HTML. */
  most?: number;
  error: string | undefined;
}

/** A target as it is typed gets the scheme that it lacks; it may hold merge fields. */
const Links = Link.extend({
  addCommands() {
    const given = this.parent?.();
    const complete = <T extends { href: string }>(attributes: T) => ({
      ...attributes,
      href: linkTarget(attributes.href),
    });
    return {
      ...given,
      setLink: (attributes) => given?.setLink?.(complete(attributes)) ?? (() => false),
      toggleLink: (attributes) => given?.toggleLink?.(attributes && complete(attributes)) ?? (() => false),
    };
  },
}).configure({
  openOnClick: false,
  HTMLAttributes: { rel: null, target: null },
  isAllowedUri: (uri, { defaultValidate }) => /^\{[{%]/.test(uri) || Boolean(defaultValidate(uri)),
});

/** The editor of rich text; loaded when it is chosen. */
export function RichBody({
  label = "Rich text",
  html,
  onChange,
  onFocus,
  insert,
  pictures,
  most = LIMITS.CampaignPatch.bodyHtml.maxLength,
  error,
}: Props) {
  const upload = usePictures((src, alt) =>
    editor.chain().focus().insertContent({ type: "picture", attrs: { src, alt } }).run(),
  );
  const take = (given: DataTransfer | null) => {
    const files = pictures ? picturesIn(given) : [];
    for (const file of files) void upload.add(file);
    return files.length > 0;
  };
  const [refused, setRefused] = useState<string | null>(null);
  const editor = useEditor({
    extensions: [
      StarterKit.configure({ link: false }),
      Links,
      LiquidPiece,
      Picture,
      ...TABLES,
      EditorRoom.configure({ most, onLook: setRefused }),
    ],
    content: withPieces(html),
    injectNonce: nonce,
    editorProps: {
      attributes: { "aria-label": label, role: "textbox", "aria-multiline": "true" },
      // HTML copied in an editor of ours is as it should be.
      transformPastedHTML: (pasted) =>
        withPieces(pasted.includes("data-pm-slice") ? pasted : cleaned(pasted)),
      // Word copies a picture of its text beside the text: then it is the text that is meant.
      handlePaste: (_, event) =>
        !event.clipboardData?.types.includes("text/html") && take(event.clipboardData),
      handleDrop: (_, event, __, moved) => !moved && take(event.dataTransfer),
    },
    onUpdate: ({ editor }) => {
      setRefused(null);
      onChange(editor.isEmpty ? "" : sent(editor.getHTML()));
    },
    onFocus,
  });
  useEffect(() => {
    insert.current = (tag) => editor.chain().focus().insertContent({ type: "liquid", attrs: { tag } }).run();
    return () => {
      insert.current = null;
    };
  }, [editor, insert]);
  return (
    <Input.Wrapper error={refused ?? error ?? upload.error}>
      <RichTextEditor editor={editor} className={classes.editor ?? ""}>
        <RichTextEditor.Toolbar>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.Bold />
            <RichTextEditor.Italic />
            <RichTextEditor.Underline />
            <RichTextEditor.ClearFormatting />
          </RichTextEditor.ControlsGroup>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.H2 />
            <RichTextEditor.H3 />
            <RichTextEditor.BulletList />
            <RichTextEditor.OrderedList />
            <RichTextEditor.Blockquote />
          </RichTextEditor.ControlsGroup>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.Link />
            <RichTextEditor.Unlink />
            {pictures && (
              <FileButton accept={PICTURE_TYPES.join(",")} onChange={(file) => file && void upload.add(file)}>
                {(button) => (
                  <RichTextEditor.Control
                    {...button}
                    disabled={upload.pending}
                    aria-label="Put a picture in"
                    title="Put a picture in"
                  >
                    <IconPhoto size={16} stroke={1.6} aria-hidden />
                  </RichTextEditor.Control>
                )}
              </FileButton>
            )}
          </RichTextEditor.ControlsGroup>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.Undo />
            <RichTextEditor.Redo />
          </RichTextEditor.ControlsGroup>
        </RichTextEditor.Toolbar>
        <RichTextEditor.Content />
      </RichTextEditor>
    </Input.Wrapper>
  );
}
