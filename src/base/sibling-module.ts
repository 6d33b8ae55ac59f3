/**
 * The file of a module's sibling, `.ts` where the module is `.ts`, `.js` in the build: threads start alike from both.
 * @param url of the module, its `import.meta.url`.
 */
export function siblingModule(url: string, name: string): URL {
  const extension = url.slice(url.lastIndexOf('.'));
  return new URL(`./${name}${extension}`, url);
}

/**
 * Options of a thread: it inherits the flags of its process, as ever (sources need a loader), but none where that is
 * `node --input-type=module -e …`. A thread that inherits that one does not load a file.
 */
export const threadFlags: { readonly execArgv?: string[] } = process.execArgv.some((flag) =>
  flag.startsWith('--input-type'),
)
  ? { execArgv: [] }
  : {};
