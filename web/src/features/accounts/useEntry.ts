/** Getting in: whatever way it was, what was read as somebody else is forgotten and the page asked for is shown. */

import type { FormValidateInput } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { session, type User } from "@/api/session";
import { useSubmit } from "@/forms/useSubmit";
import { meQuery } from "./queries";

interface Options<Values extends Record<string, unknown>> {
  initialValues: Values;
  validate: FormValidateInput<Values>;
  enter: (values: Values) => Promise<User>;
  /** A path of ours; the campaigns when there is none. */
  next?: string | undefined;
}

export function useEntry<Values extends Record<string, unknown>>({ enter, next, ...form }: Options<Values>) {
  const queries = useQueryClient();
  const router = useRouter();
  return useSubmit({
    ...form,
    send: enter,
    done: async (user) => {
      queries.clear();
      queries.setQueryData(meQuery.queryKey, user);
      session.begin(user);
      router.history.push(next ?? "/");
    },
  });
}
