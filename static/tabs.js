// A browser has six connections to a server, for all its tabs together, unless a proxy speaks HTTP/2. Tabs that nobody looks at share these places.

const PLACES = 2;

function taken(place) {
  return new Promise((told) => {
    navigator.locks.request(`baton-live-${place}`, { ifAvailable: true }, (lock) => {
      if (!lock) return told(null);
      return new Promise((left) => told(left));
    });
  });
}

/** Takes a place: how to leave it, or nothing where none is free. */
export async function take() {
  for (let place = 0; place < PLACES; place += 1) {
    const leave = await taken(place);
    if (leave) return leave;
  }
  return null;
}
