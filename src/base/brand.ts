/** A nominal type: `Brand<number, 'Slot'>` cannot be passed where another brand is meant. Free at run time. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name };
