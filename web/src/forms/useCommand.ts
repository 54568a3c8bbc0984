/** The one way to change something by the API; the rules are kept by `commandsCache` for all commands. */

import { notifications } from "@mantine/notifications";
import { hashKey, MutationCache, type QueryClient, type QueryKey, useMutation } from "@tanstack/react-query";
import { useRef } from "react";
import { sentence } from "@/api/problem";
import { hearRefusal } from "@/api/role";

interface Command<Input, Answer> {
  /** Throws an ApiProblem when it fails, as `answer(api.…)` does. */
  run: (input: Input) => Promise<Answer>;
  /** Queries that it changes, also where it fails: they are read anew, and it is pending until that is done. */
  changes?: readonly QueryKey[];
  /** Called on the page as soon as it has worked. */
  done?: ((answer: Answer, input: Input) => unknown) | undefined;
  /** The sentence that says so in a corner. */
  said?: ((answer: Answer, input: Input) => string) | undefined;
  /** The title over what went wrong, in a corner; or what the page itself does about it. */
  failed?: string | ((error: Error) => void);
}

interface Rules extends Record<string, unknown> {
  changes: readonly QueryKey[];
  said: ((answer: never, input: never) => string) | undefined;
  failed: string | ((error: Error) => void);
}

declare module "@tanstack/react-query" {
  interface Register {
    mutationMeta: Rules;
  }
}

/**
 * `run` resolves to whether it worked, and never rejects. `pending` goes to the button's `loading`; `input` is what is pending.
 * A second click comes before the button shows that: what is being done with the same input is not begun again.
 */
export function useCommand<Input = void, Answer = unknown>(command: Command<Input, Answer>) {
  const { run, changes = [], done, said, failed = "That failed" } = command;
  const mutation = useMutation<Answer, Error, Input>({
    mutationFn: run,
    onSuccess: (answer, input) => done?.(answer, input),
    meta: { changes, said, failed },
  });
  const running = useRef(new Map<string, Promise<boolean>>());
  const begin = (input: Input, key: string): Promise<boolean> => {
    const begun = mutation
      .mutateAsync(input)
      .then(
        () => true,
        () => false, // told by the cache
      )
      .finally(() => running.current.delete(key));
    running.current.set(key, begun);
    return begun;
  };
  return {
    run: (input: Input): Promise<boolean> => {
      const key = hashKey([input]);
      return running.current.get(key) ?? begin(input, key);
    },
    pending: mutation.isPending,
    input: mutation.isPending ? mutation.variables : undefined,
    error: mutation.error,
    reset: mutation.reset,
  };
}

/** Of the client that is `queries()`: says what was done and what failed, and reads anew what has changed. */
export function commandsCache(queries: () => QueryClient): MutationCache {
  return new MutationCache({
    onSuccess(answer, input, _begun, { meta }) {
      if (meta?.said) notifications.show({ message: meta.said(answer as never, input as never) });
    },
    onError(error, _input, _begun, { meta }) {
      hearRefusal(queries(), error);
      if (typeof meta?.failed === "function") meta.failed(error);
      else
        notifications.show({
          color: "red",
          title: meta?.failed,
          message: sentence(error),
          autoClose: 10_000,
        });
    },
    onSettled: (_answer, _error, _input, _begun, { meta }) =>
      Promise.all(meta?.changes.map((queryKey) => queries().invalidateQueries({ queryKey })) ?? []),
  });
}
