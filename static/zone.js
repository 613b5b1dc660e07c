// Tells the server the reader's time zone, so that it writes times as they read them.

/** Whether what is on the page was written for another zone. */
export function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone === document.body.dataset.zone) return false;
  const told = document.cookie.split("; ").includes(`baton_zone=${zone}`);
  document.cookie = `baton_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  return !told;
}
