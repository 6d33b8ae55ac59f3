/**
 * The file of a module's sibling, `.ts` where the module is `.ts`, `.js` in the build: threads start alike from both.
 * @param url of the module, its `import.meta.url`.
 */
export function siblingModule(url: string, name: string): URL {
  const extension = url.slice(url.lastIndexOf('.'));
  return new URL(`./${name}${extension}`, url);
}
