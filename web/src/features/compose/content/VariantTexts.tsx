import { Button, Group, NumberInput, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { type ComponentProps, type ReactNode, useState } from "react";
import { randomKey } from "@/api/randomKey";
import type { Content, Step, Variant } from "../draft/draft";
import { below, type Errors } from "../draft/errors";
import { withText } from "../draft/request";
import { ContentFields } from "./ContentFields";

interface Props
  extends Pick<ComponentProps<typeof ContentFields>, "fields" | "later" | "lacking" | "onShow" | "onAttach"> {
  step: Step;
  onChange: (part: Partial<Pick<Step, "weight" | "variants">>) => void;
  onContent: (part: Partial<Content>) => void;
  /** Of the step. */
  errors: Errors;
  /** Somebody writes at this text, and wants to see it: 0 is the step's own. */
  onLook: (variant: number) => void;
  /** Of a campaign that is scheduled: what there is of a variant already, which is stopped and not removed. */
  standing?: (variant: Variant) => Standing | undefined;
  /** In place of the step's own text, where that is changed elsewhere. */
  own?: ReactNode;
}

interface Standing {
  isStopped: boolean;
  /** How it is stopped; none: it is the last. */
  stop: ReactNode;
}

const MOST = 4;
const letter = (at: number) => String.fromCharCode(65 + at);

/** A step's own text and its variants, one at a time, each with its share. */
export function VariantTexts({ step, onChange, onContent, errors, onLook, standing, own, ...shared }: Props) {
  const { content, weight = 1, variants = [] } = step;
  const [open, setOpen] = useState(0);
  const at = Math.min(open, variants.length);
  const variant = variants[at - 1];
  const there = variant && standing?.(variant);
  const fixed = there?.isStopped ?? false;
  const isWrong = (n: number) =>
    Object.keys(errors).some((path) => path.startsWith(n > 0 ? `variants[${n - 1}].` : "content."));
  const show = (which: number) => {
    setOpen(which);
    onLook(which);
  };
  const put = (part: Partial<Variant>) =>
    onChange({ variants: variants.map((each) => (each === variant ? { ...each, ...part } : each)) });
  const add = () => {
    const shown = variant?.content ?? content;
    onChange({
      variants: [...variants, { id: randomKey(), weight: 1, content: withText(content, shown) }],
    });
    show(variants.length + 1);
  };
  return (
    <>
      <Group gap="sm" mb="sm" align="flex-end">
        {variants.length > 0 && (
          <>
            <SegmentedControl
              aria-label="Variant"
              data={[content, ...variants].map((_, n) => ({
                value: String(n),
                label: letter(n) + (isWrong(n) ? " (!)" : ""),
              }))}
              value={String(at)}
              onChange={(which) => show(Number(which))}
            />
            <NumberInput
              label={`Share of ${letter(at)}`}
              min={1}
              max={100}
              allowDecimal={false}
              hideControls
              w={110}
              disabled={fixed}
              value={variant?.weight ?? weight}
              onChange={(n) => (variant ? put({ weight: n }) : onChange({ weight: n }))}
              error={errors[at > 0 ? `variants[${at - 1}].weight` : "weight"]}
            />
          </>
        )}
        {variants.length < MOST && (
          <Button
            variant="subtle"
            size="compact-sm"
            mb={6}
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={add}
          >
            {variants.length > 0 ? "Add a variant" : "Try variants of this text"}
          </Button>
        )}
        {there?.stop}
        {variant && !there && (
          <Button
            variant="subtle"
            size="compact-sm"
            mb={6}
            leftSection={<IconTrash size={14} aria-hidden />}
            onClick={() => {
              onChange({ variants: variants.filter((each) => each !== variant) });
              show(at - 1);
            }}
          >
            Remove {letter(at)}
          </Button>
        )}
      </Group>
      {variants.length > 0 && (
        <Text size="sm" c="dimmed" mb="sm">
          Each recipient gets one of them, by their shares. The campaign's page says how often each was
          answered.
        </Text>
      )}
      {errors.variants && (
        <Text size="sm" mb="sm" c="var(--mantine-color-error)" role="alert">
          {errors.variants}
        </Text>
      )}
      {variant && fixed ? (
        <StoppedText content={variant.content} letter={letter(at)} />
      ) : !variant && own ? (
        own
      ) : (
        <ContentFields
          key={variant?.id ?? "own"}
          content={variant?.content ?? content}
          onChange={(part) => (variant ? put({ content: { ...variant.content, ...part } }) : onContent(part))}
          errors={below(errors, variant ? `variants[${at - 1}].content` : "content")}
          isVariant={variant !== undefined}
          {...shared}
        />
      )}
    </>
  );
}

function StoppedText({ content, letter }: { content: Content; letter: string }) {
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        {letter} is stopped: it goes to nobody any more, and stays as it was.
      </Text>
      {content.subject && <Text fw={550}>{content.subject}</Text>}
      <Text style={{ whiteSpace: "pre-wrap" }}>{content.body}</Text>
    </Stack>
  );
}
