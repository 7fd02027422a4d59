/**
 * execve(2): another program takes this process's place. The process id stays, so whoever watches this process goes on watching; of the open
 * files, standard input, output and error stay.
 */
export function replaceProcess(
  file: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): never {
  const { execve } = process as typeof process & {
    execve(file: string, words: readonly string[], environment: NodeJS.ProcessEnv): never;
  };
  const emitWarning = process.emitWarning;
  // It says that execve is experimental; the runtime is pinned.
  process.emitWarning = () => undefined;
  try {
    return execve.call(process, file, words, environment);
  } finally {
    process.emitWarning = emitWarning;
  }
}
