import { Group, SegmentedControl } from "@mantine/core";
import { type ReactNode, useState } from "react";
import classes from "./MessageBody.module.css";

const PARTS = [
  { value: "html", label: "Rich" },
  { value: "text", label: "Plain" },
] as const;

interface Props {
  label: string;
  /** Over it, beside the choice between its parts. */
  beside: ReactNode;
  /** In its frame, over the body. */
  head?: ReactNode;
  /** A frame of the class `frame` with its HTML; null for an email that has none. */
  html: ReactNode;
  text: string | undefined;
  /** The content in the body's place. */
  instead?: ReactNode;
}

/** The body of an email: as HTML or, where one chooses so or it has none, as text. */
export function MessageBody({ label, beside, head, html, text, instead }: Props) {
  const [part, setPart] = useState<(typeof PARTS)[number]["value"]>("html");
  const isRich = html !== null;
  return (
    <div>
      <Group justify="space-between" gap="xs" mb="sm" mih={30}>
        {beside}
        {isRich && (
          <SegmentedControl
            size="xs"
            aria-label="Part of the email"
            data={[...PARTS]}
            value={part}
            onChange={setPart}
          />
        )}
      </Group>
      <article className={classes.message} aria-label={label}>
        {head}
        {instead ??
          (isRich && part === "html" ? (
            html
          ) : (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
            <pre className={classes.text} tabIndex={0}>
              {text}
            </pre>
          ))}
      </article>
    </div>
  );
}

/** For the frame that `html` is. */
export const messageFrame = classes.frame;
