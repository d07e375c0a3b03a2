// Times and durations as people read them.

/** `2m 14s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m ${whole % 60}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h ${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** `3 min ago`. */
export function ago(then: string, now: number): string {
  const seconds = Math.round((now - Date.parse(then)) / 1000);
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 36) return `${hours} h ago`;
  return `${Math.round(hours / 24)} days ago`;
}

let zone: string | undefined;

/** From now on times are told in UTC, or as the machine has them. */
export function setZone(utc: boolean): void {
  zone = utc ? 'UTC' : undefined;
}

/** `14:03:10.120`. */
export function clock(then: string, fraction = false): string {
  const date = new Date(then);
  const text = date.toLocaleTimeString('en-GB', { hour12: false, timeZone: zone });
  return fraction ? `${text}.${String(date.getMilliseconds()).padStart(3, '0')}` : text;
}

/** `30 Nov 2026, 14:03:10`. */
export function exact(then: string): string {
  return `${new Date(then).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: zone })}${zone ? ' UTC' : ''}`;
}
