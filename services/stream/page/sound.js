// Two tones, made here: there is no file to fetch.

/** @type {AudioContext | null} */
let context = null;

/** Sound once; silent until somebody has touched the page, as browsers want it. */
export async function chime() {
  context ??= new AudioContext();
  // Without a touch this waits for one, and a sound that comes late says nothing.
  if (context.state !== "running") await Promise.race([context.resume(), later(300)]);
  if (context.state !== "running") return;
  tone(context, 740, 0);
  tone(context, 988, 0.16);
}

/**
 * @param {AudioContext} on
 * @param {number} frequency hertz
 * @param {number} after seconds
 */
function tone(on, frequency, after) {
  const begin = on.currentTime + after;
  const [source, volume] = [on.createOscillator(), on.createGain()];
  source.frequency.value = frequency;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(0.25, begin + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.3);
  source.connect(volume).connect(on.destination);
  source.start(begin);
  source.stop(begin + 0.32);
}

/** @param {number} milliseconds */
function later(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
