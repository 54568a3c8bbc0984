/** The editor of rich text, for whoever writes anything but a campaign; load it when it is shown. */
export { RichBody as RichText } from "./content/RichBody";
