import { Alert, Box, Group, SegmentedControl, TextInput } from "@mantine/core";
import { IconEye } from "@tabler/icons-react";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { ApiProblem } from "@/api/problem";
import { meQuery, waysQuery } from "@/features/accounts/queries";
import type { Unsubscribe } from "@/features/campaigns/queries";
import { UnsubscribeField } from "@/features/campaigns/UnsubscribeField";
import { removeList } from "@/features/recipients/commands";
import { useFile } from "@/features/recipients/useFile";
import { useHere } from "@/features/richText/files";
import { SandboxNote } from "@/features/senders/SandboxNote";
import { useSandboxed } from "@/features/senders/useSandboxed";
import { useMay } from "@/features/workspaces/useMay";
import { confirm } from "@/ui/confirm";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import classes from "./compose.module.css";
import { LackingFields } from "./content/LackingFields";
import { VariantTexts } from "./content/VariantTexts";
import { useBegun } from "./draft/begun";
import { DraftNotice } from "./draft/DraftNotice";
import { DraftsMenu } from "./draft/DraftsMenu";
import { type Content, type Draft, hasContent } from "./draft/draft";
import { below, type Errors, errorsOf } from "./draft/errors";
import { hasText, messageOf, quotedBy } from "./draft/request";
import { useDraft } from "./draft/useDraft";
import { useKeptDraft } from "./draft/useKeptDraft";
import { PlanPane } from "./plan/PlanPane";
import { usePlan } from "./plan/usePlan";
import { fieldsOf, nextBlank } from "./preview/blanks";
import { Hints } from "./preview/Hints";
import { hintsAt } from "./preview/hintsAt";
import { PreviewPane } from "./preview/PreviewPane";
import { asksFor, useRendered } from "./preview/useRendered";
import { RecipientsField } from "./recipients/RecipientsField";
import { useRecipients } from "./recipients/useRecipients";
import { useTyped } from "./recipients/useTyped";
import { Section } from "./Section";
import { SenderField } from "./SenderField";
import { ConfirmSheet } from "./sending/ConfirmSheet";
import { SendingBar } from "./sending/SendingBar";
import { TestButton } from "./sending/TestButton";
import { useSending } from "./sending/useSending";
import { SignatureField } from "./signature/SignatureField";
import { StartFrom } from "./start/StartFrom";
import { StepsFields } from "./steps/StepsFields";
import { TimingFields } from "./timing/TimingFields";
import { useSenders } from "./useSenders";

export function ComposePage() {
  const { data: user } = useSuspenseQuery(meQuery);
  const maySend = useMay("member");
  if (!maySend) {
    return (
      <>
        <PageHeader title="New campaign" />
        <EmptyState
          icon={IconEye}
          title="You see this workspace, and do not send from it"
          action={<ButtonLink to="/">See the campaigns</ButtonLink>}
        >
          You are a viewer of {user.workspaceName}. One of its owners can make you a member.
        </EmptyState>
      </>
    );
  }
  const owner = `${user.id}.${user.workspaceId}`; // lists and senders are those of the workspace
  return (
    <>
      <PageHeader title="New campaign" description="Write it, choose who gets it, see the plan, send." />
      <Composer key={owner} owner={owner} />
    </>
  );
}

/** All that is begun on the page is begun for one draft: with another one, the page of it begins anew. */
function Composer({ owner }: { owner: string }) {
  const draft = useDraft(owner);
  const begun = useBegun(owner);
  const started = useRef(false);
  return <Writing key={draft.draft.identity} owner={owner} started={started} {...draft} {...begun} />;
}

interface WritingProps extends ReturnType<typeof useDraft>, ReturnType<typeof useBegun> {
  owner: string;
  /** Whether a draft has begun as the address says. */
  started: RefObject<boolean>;
}

function Writing({ owner, started, begunWith, remember, ...here }: WritingProps) {
  const { draft, change, changeNow, now, open, discard, kept, restoredAt, gone, origin } = here;
  const { audience, timing } = draft;
  const [{ id: step, content }] = draft.steps;
  const keepTyped = useCallback(
    (typed: number | null) => changeNow({ kind: "audience", part: { typed } }),
    [changeNow],
  );
  const typed = useTyped(audience.typed, keepTyped);
  const file = useFile(audience.file, (chosen) =>
    changeNow({ kind: "audience", part: { source: "file", ...chosen } }),
  );
  const recipients = useRecipients(audience, typed, file);
  const isHere = useHere();
  const [at, setAt] = useState(0);
  const [busy, setBusy] = useState(false);
  const shownAt = Math.min(at, Math.max(0, recipients.sample.length - 1));
  const recipient = recipients.sample[shownAt];

  const from = useSenders(draft);
  const { query: reading, senders, asked } = from;
  const isSandboxed = useSandboxed();
  const mailboxes = { leastLimit: from.leastLimit, count: Math.max(from.chosen.length, 1) };
  const { data: ways } = useQuery(waysQuery);
  const usual = recipients.count > 1 ? (ways?.unsubscribe ?? "none") : "none";
  const unsubscribe = content.unsubscribe ?? usual;
  const rendered = useRendered(content, recipient, from.chosen[0]?.id, unsubscribe);
  const [looked, setLooked] = useState({ step, variant: 0 });
  const shownStep = draft.steps.find(({ id }) => id === looked.step) ?? draft.steps[0];
  const message = messageOf(draft, shownStep, looked.variant);
  const isLater = shownStep.id !== step;
  const quoted = quotedBy(draft, shownStep);
  const shown = useRendered(message, recipient, from.chosen[0]?.id, unsubscribe, isLater, quoted);
  const plan = usePlan(asked, recipients, mailboxes);
  const forget = (forgotten: Draft): boolean => {
    const wasHere = discard();
    // What stands here by now, or the draft on the server, may name the same lists.
    if (wasHere && !forgotten.keptAs)
      for (const list of [audience.typed, audience.file]) if (list !== null) void removeList(list);
    return wasHere;
  };
  const sending = useSending({
    draft: asked,
    recipients,
    mailboxes,
    plan,
    changeNow,
    done: (sent) => {
      void keptDraft.scheduled(sent);
      return forget(sent);
    },
  });

  const keptDraft = useKeptDraft({
    ...{ owner, draft, now, changeNow, begunWith, remember },
    settle: typed.settle,
    resting: sending.pending,
  });

  const form = useRef<HTMLFormElement>(null);
  const bar = useRef<HTMLElement>(null);
  const { failure } = sending;
  useEffect(() => {
    if (failure) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failure]);

  const isUnkept = hasContent(draft) && !kept;
  const isOnItsWay = file.uploading !== null || !(typed.isSettled || typed.isLoading);
  useBlocker({
    shouldBlockFn: async () => {
      if (sending.pending) return false;
      const isSettled = await typed.settle();
      if (draft.keptAs) await keptDraft.saveNow(); // after a log-out nothing of it could be
      return (!isSettled || isUnkept || file.uploading !== null) && !(await askToLeave());
    },
    enableBeforeUnload: isUnkept || isOnItsWay,
  });

  const write = (text: string) => {
    if (failure) sending.forget();
    typed.write(text);
  };
  const edit: typeof change = (...changes) => {
    if (failure) sending.forget();
    change(...changes);
  };
  const foreseen = plan.isCurrent
    ? {}
    : { ...errorsOf(rendered.error).errors, ...errorsOf(plan.error).errors };
  const errors: Errors = { ...foreseen, ...failure?.errors };
  const refused = failure?.rejected.length
    ? failure.rejected
    : plan.error instanceof ApiProblem
      ? plan.error.rejected
      : [];
  const isGoing = sending.pending || busy;
  const another = { draft, isOnItsWay: file.uploading !== null, onBusy: setBusy, disabled: isGoing };
  const known = plan.isReady ? plan.data : undefined;
  const ready = plan.isCurrent ? plan.data : undefined;

  if (reading.error && !senders)
    return <ErrorState error={reading.error} retry={() => void reading.refetch()} />;
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (from.isReady) sending.ask();
      }}
    >
      <button type="button" className="skip-link" onClick={() => toSchedule(bar.current)}>
        To Schedule
      </button>
      {restoredAt && <DraftNotice savedAt={restoredAt} onDiscard={() => forget(now())} />}
      {gone && (
        <Alert color="petrol" mb="md" py="xs" role="status">
          The draft that was here was scheduled or discarded in another tab.
        </Alert>
      )}
      <Group gap="xs" mb="md">
        <DraftsMenu {...keptDraft} {...another} onOpen={(opened) => open(opened, "restored")} />
        <StartFrom
          {...another}
          now={now}
          saveNow={keptDraft.saveNow}
          onStart={(begun) => open(begun, "begun")}
          begun={started}
        />
      </Group>
      {/* Changes made while it is being scheduled, or another one opened, would be lost with the draft. */}
      <fieldset disabled={isGoing} inert={isGoing} className={classes.layout}>
        <div className={classes.column}>
          <Section title="Sender">
            <SenderField
              senders={senders}
              named={draft.senderIds}
              chosen={from.chosen}
              error={from.gone ?? errors.senderIds}
              onChange={(senderIds) => edit({ kind: "senders", senderIds })}
            />
            {from.chosen.length > 0 && from.chosen.every(isSandboxed) && (
              <Box mt="sm">
                <SandboxNote>What is sent from here stays on this machine.</SandboxNote>
              </Box>
            )}
            {from.chosen.map(({ id, email }) => (
              <SignatureField key={id} senderId={id} email={from.chosen.length > 1 ? email : null} />
            ))}
          </Section>
          <Section title="Recipients">
            <RecipientsField
              audience={audience}
              onChange={(part) => edit({ kind: "audience", part })}
              typed={{ ...typed, write }}
              file={file}
              recipients={recipients}
              plan={plan.counted}
              rejected={refused}
              error={errors.audience}
              errors={below(errors, "audience")}
            />
          </Section>
          <Section title="Content">
            <TextInput
              label="Campaign name"
              description="For your lists alone. Without one the subject is used."
              mb="md"
              value={draft.name}
              maxLength={LIMITS.CampaignPatch.name.maxLength}
              onChange={(event) => edit({ kind: "name", name: event.currentTarget.value })}
              error={errors.name}
            />
            <VariantTexts
              key={origin}
              step={draft.steps[0]}
              onChange={(part) => edit({ kind: "step", step, part })}
              onContent={(part) => edit({ kind: "content", step, part })}
              onAttach={(file) => isHere.current && changeNow({ kind: "attach", step, file })}
              fields={recipients.fields}
              errors={below(errors, "steps[0]")}
              lacking={known?.lacking}
              onShow={(field) => {
                setLooked({ step, variant: 0 });
                setAt(nextBlank(recipients.sample, shownAt, [field]) ?? shownAt);
              }}
              onLook={(variant) => setLooked({ step, variant })}
            />
            <LackingFields
              lacking={known?.lacking}
              ifBlank={content.ifBlank}
              onChange={(ifBlank) => edit({ kind: "content", step, part: { ifBlank } })}
              rowOf={recipients.rowOf}
              rowWord={recipients.rowWord}
              error={errors["steps[0].content.ifBlank"]}
            />
            <UnsubscribeField
              mt="md"
              value={unsubscribe}
              onChange={(value) =>
                edit({ kind: "content", step, part: { unsubscribe: value as Unsubscribe } })
              }
              senders={from.chosen}
              error={errors["steps[0].content.unsubscribe"]}
            />
          </Section>
          <Section title="Follow-ups">
            <StepsFields
              draft={draft}
              onChange={edit}
              fields={recipients.fields}
              errors={errors}
              onLook={(id, variant) => setLooked({ step: id, variant })}
              origin={`${origin}`}
            />
          </Section>
          <Section title="Timing">
            <TimingFields
              timing={timing}
              onChange={(part) => edit({ kind: "timing", part })}
              mailboxes={mailboxes}
              errors={below(errors, "timing")}
            />
          </Section>
        </div>
        <div className={`${classes.column} ${classes.aside}`}>
          <Section title="Preview">
            {draft.steps.length > 1 && (
              <SegmentedControl
                size="xs"
                mb="sm"
                aria-label="Step to preview"
                data={draft.steps.map(({ id }, at) => ({ value: id, label: `Step ${at + 1}` }))}
                value={shownStep.id}
                onChange={(id) => setLooked({ step: id, variant: 0 })}
              />
            )}
            <PreviewPane
              sender={from.chosen[0]}
              recipients={recipients}
              at={shownAt}
              onGo={setAt}
              rendered={shown.data}
              error={shown.error}
              request={shown.data?.request}
              rich={message.rich}
              fields={fieldsOf(message)}
            />
            <Hints
              hints={shown.data && hintsAt(shownStep, shown.data.hints)}
              inOneLine={known?.subjectsInOneLine ?? 0}
            />
          </Section>
          <Section title="Plan">
            <PlanPane
              plan={known}
              isPlanning={plan.isFetching}
              error={plan.error}
              lacking={plan.lacking}
              senders={from.chosen}
              timing={timing}
            />
          </Section>
          <TestButton
            draft={asked}
            contents={draft.steps.map((each) =>
              messageOf(draft, each, each === shownStep ? looked.variant : 0),
            )}
            recipient={recipient}
            unsubscribe={unsubscribe}
            disabled={!from.isReady || draft.steps.some((each) => !isWritten(messageOf(draft, each)))}
          />
        </div>
        <SendingBar
          bar={bar}
          plan={ready}
          senders={from.chosen}
          pending={sending.pending}
          disabled={!from.isReady || (file.uploading !== null && audience.source === "file")}
          failure={failure?.text ?? null}
        />
      </fieldset>
      <ConfirmSheet
        opened={sending.asked}
        plan={sending.plan}
        error={plan.error}
        senders={from.chosen}
        recipients={recipients}
        timing={timing}
        later={draft.steps.slice(1)}
        looks={draft.steps
          .slice(1)
          .map((each) =>
            asksFor(
              messageOf(draft, each),
              recipient,
              from.chosen[0]?.id,
              unsubscribe,
              true,
              quotedBy(draft, each),
            ),
          )}
        onClose={sending.close}
        onSend={() => void sending.send()}
      />
    </form>
  );
}

const isWritten = (content: Content) => content.subject.trim() !== "" && hasText(content);

/** To the button, or where that cannot be pressed yet, to what stands beside it. */
function toSchedule(bar: HTMLElement | null) {
  (bar?.querySelector<HTMLElement>("button:enabled") ?? bar)?.focus();
}

function askToLeave(): Promise<boolean> {
  return confirm({
    title: "Leave this page?",
    children: "Not all of the draft could be kept yet. What could not be kept is lost when you leave.",
    confirm: "Leave",
    cancel: "Stay here",
  });
}
