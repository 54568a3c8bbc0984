/**
 * For a button that says something else once it is done, or that of another row then stands in the place of: the second
 * half of a double click is no click on that.
 */
export const once =
  (act: () => unknown) =>
  ({ detail }: { detail: number }) => {
    if (detail < 2) act();
  };
