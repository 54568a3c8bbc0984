import { useSubmit } from "@/forms/useSubmit";
import { AllowButton, AllowForm, isSaid } from "./AllowForm";
import { allowAgain, changedBySuppressing } from "./commands";
import type { Suppression } from "./queries";
import { isOwnWish, nameOf } from "./words";

/** Ends a suppression. */
export function AllowAgain({ suppression }: { suppression: Suppression }) {
  const name = nameOf(suppression);
  return (
    <AllowButton
      size="compact-sm"
      name={`Allow again: ${name}`}
      title={`Write to ${name} again?`}
      form={(done) => <Why suppression={suppression} done={done} />}
    >
      Allow again
    </AllowButton>
  );
}

function Why({ suppression, done }: { suppression: Suppression; done: () => void }) {
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { why: "" },
    validate: { why: isSaid },
    send: ({ why }) => allowAgain(suppression, why),
    changes: changedBySuppressing(),
    done,
    said: () => `${nameOf(suppression)} may be written to again.`,
  });
  const text =
    (isOwnWish(suppression.reason) ? "They said themselves that they want no more. " : "") +
    "Campaigns may write to them from now on. What was cancelled stays so.";
  return <AllowForm {...{ text, form, submit, pending, failure, done }} keep="Keep it as it is" />;
}
