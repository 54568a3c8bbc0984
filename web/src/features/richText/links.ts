/** Targets of links as people type them. */

const SCHEME = /^(?:https?:\/\/|mailto:|tel:|sms:|#)/i;
const ADDRESS = /^[^\s@/?#{}]+@[^\s@/?#{}]+\.[^\s@/?#{}]+$/;

/** With the scheme without which a link leads nowhere in an email; what begins with a merge field brings its own. */
export function linkTarget(typed: string): string {
  const target = typed.trim();
  if (target === "" || SCHEME.test(target) || /^\{[{%]/.test(target)) return target;
  if (ADDRESS.test(target)) return `mailto:${target}`;
  return `https://${target.replace(/^(?:https?:)?\/{1,2}/i, "")}`;
}
