/** For a button that says something else once it is done: the second half of a double click is no click on that. */
export const once =
  (act: () => unknown) =>
  ({ detail }: { detail: number }) => {
    if (detail < 2) act();
  };
