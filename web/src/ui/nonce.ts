/** This page load's nonce for style elements made by scripts; the service writes it into index.html. */

import { setNonce } from "get-nonce";

export const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

setNonce(nonce); // react-remove-scroll, which Mantine's dialogs use, asks there
