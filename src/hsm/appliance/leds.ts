/** The three lights of the front panel as data (console, status page, API, GPIO). Blinking is 0.25 s on and 0.25 s off. */
export interface Leds {
  readonly power: Led;
  readonly system: Led;
  readonly tamper: Led;
}

export interface Led {
  readonly colour: 'off' | 'green' | 'yellow' | 'red';
  readonly isBlinking: boolean;
}
