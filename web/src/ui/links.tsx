/** Mantine's looks on the router's links: `<ButtonLink to="/compose">`. */

import { Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ComponentPropsWithRef } from "react";

type Native = Omit<ComponentPropsWithRef<"a">, "color" | "style">;

export const ButtonLink = createLink((props: ButtonProps & Native) => <Button component="a" {...props} />);

/** In the size of the text around it, unless `size` says otherwise. */
export const AnchorLink = createLink((props: AnchorProps & Native) => (
  <Anchor inherit={props.size === undefined} {...props} />
));
