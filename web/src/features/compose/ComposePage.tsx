import { Button } from "@mantine/core";
import { IconCalendarTime } from "@tabler/icons-react";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { ApiProblem } from "@/api/problem";
import { meQuery } from "@/features/accounts/queries";
import { sendersQuery } from "@/features/senders/queries";
import { FormFailure } from "@/forms/FormFailure";
import { confirm } from "@/ui/confirm";
import { ErrorState } from "@/ui/ErrorState";
import { counted } from "@/ui/numbers";
import { PageHeader } from "@/ui/PageHeader";
import classes from "./compose.module.css";
import { ContentFields } from "./content/ContentFields";
import { DraftNotice } from "./draft/DraftNotice";
import { hasContent } from "./draft/draft";
import { dropFile } from "./draft/draftFile";
import { useDraft } from "./draft/useDraft";
import { fieldErrors } from "./fieldErrors";
import { PlanPane } from "./plan/PlanPane";
import { usePlan } from "./plan/usePlan";
import { PreviewPane } from "./preview/PreviewPane";
import { useRendered } from "./preview/useRendered";
import { RecipientsField } from "./recipients/RecipientsField";
import { useCsvFile } from "./recipients/useCsvFile";
import { useRecipients } from "./recipients/useRecipients";
import { Section } from "./Section";
import { SenderField } from "./SenderField";
import { TestButton } from "./sending/TestButton";
import { useSending } from "./sending/useSending";
import { TimingFields } from "./timing/TimingFields";

export function ComposePage() {
  const { data: user } = useSuspenseQuery(meQuery);
  const [generation, setGeneration] = useState(0);
  return (
    <>
      <PageHeader title="New campaign" description="Write it, choose who gets it, see the plan, send." />
      <Composer
        key={`${user.id}-${generation}`}
        userId={user.id}
        onDiscard={() => setGeneration(generation + 1)}
      />
    </>
  );
}

function Composer({ userId, onDiscard }: { userId: number; onDiscard: () => void }) {
  const { draft, change, changeNow, discard, kept, restoredAt } = useDraft(userId);
  const file = useCsvFile(userId, draft, change);
  const recipients = useRecipients(draft, file);
  const [at, setAt] = useState(0);
  const shownAt = Math.min(at, Math.max(0, recipients.sample.length - 1));
  const recipient = recipients.sample[shownAt];

  const senders = useQuery(sendersQuery());
  const found = senders.data?.items;
  const sender =
    found?.find(({ id }) => id === draft.senderId) ?? found?.find((each) => each.isDefault) ?? found?.[0];
  const asked = { ...draft, senderId: sender?.id ?? null };

  const rendered = useRendered(asked, recipient);
  const plan = usePlan(asked, recipients, sender?.hourlyLimit, rendered);
  const forget = () => {
    discard();
    void dropFile(userId);
  };
  const sending = useSending({
    draft: asked,
    recipients,
    senderLimit: sender?.hourlyLimit,
    changeNow,
    done: forget,
  });

  const form = useRef<HTMLFormElement>(null);
  const { failure } = sending;
  useEffect(() => {
    if (failure) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failure]);

  const mayBeLost = hasContent(draft) && (!kept || (file.file !== null && !file.kept));
  useBlocker({
    shouldBlockFn: async () => mayBeLost && !sending.pending && !(await askToLeave()),
    enableBeforeUnload: mayBeLost,
  });

  const edit: typeof change = (part) => {
    if (failure) sending.forget();
    change(part);
  };
  const waiting = plan.isCurrent ? {} : { ...fieldErrors(rendered.error), ...fieldErrors(plan.error) };
  const errors: Record<string, string> = { ...waiting, ...failure?.errors };
  const refused = failure?.rejected.length
    ? failure.rejected
    : plan.error instanceof ApiProblem
      ? plan.error.rejected
      : [];
  const known = plan.isReady ? plan.data : undefined;

  if (senders.error && !senders.data)
    return <ErrorState error={senders.error} retry={() => void senders.refetch()} />;
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void sending.send();
      }}
    >
      {restoredAt && (
        <DraftNotice
          savedAt={restoredAt}
          onDiscard={() => {
            forget();
            onDiscard();
          }}
        />
      )}
      {/* What is changed while it is being scheduled would be lost with the draft. */}
      <fieldset disabled={sending.pending} className={classes.layout}>
        <div className={classes.column}>
          <Section title="Sender">
            <SenderField
              senders={found}
              sender={sender}
              error={errors.senderId}
              onChange={(senderId) => edit({ senderId })}
            />
          </Section>
          <Section title="Recipients">
            <RecipientsField
              draft={draft}
              change={edit}
              file={file}
              recipients={recipients}
              plan={known}
              rejected={refused}
              error={errors.recipients}
            />
          </Section>
          <Section title="Content">
            <ContentFields draft={draft} change={edit} fields={recipients.fields} errors={errors} />
          </Section>
          <Section title="Timing">
            <TimingFields draft={draft} change={edit} senderLimit={sender?.hourlyLimit} errors={errors} />
          </Section>
        </div>
        <div className={`${classes.column} ${classes.aside}`}>
          <Section title="Preview">
            <PreviewPane
              sender={sender}
              recipients={recipients}
              at={shownAt}
              onGo={setAt}
              rendered={rendered.data}
              error={rendered.error}
              request={rendered.shown}
              rich={draft.rich}
            />
          </Section>
          <Section title="Plan">
            <PlanPane
              plan={known}
              isPlanning={plan.isFetching}
              error={plan.error}
              lacking={plan.lacking}
              sender={sender}
              campaignLimit={draft.hourlyLimit}
            />
          </Section>
          <FormFailure text={failure?.text ?? null} />
          <Button
            type="submit"
            size="md"
            loading={sending.pending}
            disabled={file.share !== null && draft.source === "file"}
            leftSection={<IconCalendarTime size={18} aria-hidden />}
          >
            {known ? `Schedule ${counted(known.accepted, "email")}` : "Schedule"}
          </Button>
          <TestButton
            draft={asked}
            recipient={recipient}
            disabled={!draft.subject.trim() || !(draft.body.trim() || (draft.rich && draft.html.trim()))}
          />
        </div>
      </fieldset>
    </form>
  );
}

function askToLeave(): Promise<boolean> {
  return confirm({
    title: "Leave this page?",
    children: "This browser could not keep all of the draft. What it could not keep is lost when you leave.",
    confirm: "Leave",
    cancel: "Stay here",
  });
}
