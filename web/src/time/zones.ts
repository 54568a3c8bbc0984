/** Zones of time, as people choose one. */

import { timezone } from "./format";
import { zoneName } from "./zoneNames";

/** All that the browser knows, by name, with UTC and `also`, whatever it knows. */
export function zones(also = timezone): string[] {
  const known = Intl.supportedValuesOf("timeZone").map(zoneName);
  return [...new Set([...known, "UTC", also])].sort();
}
