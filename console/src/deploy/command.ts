// The same deployment as a command and as the body of a request.

/** `key=value` as the manager takes it. */
export function labelsOf(texts: string[]): Record<string, string>[] {
  return texts.map((text) => {
    const [key = '', value = ''] = text.split(/[=:](.*)/s);
    return { [key.trim()]: value.trim() };
  });
}

const quoted = (text: string) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const pairs = (option: string, values: Record<string, unknown>) =>
  Object.entries(values).map(([key, value]) => ` ${option} ${quoted(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)}`).join('');

/** A command of the shell that makes the same deployment. */
export function command(blueprint: string, name: string, inputs: Record<string, unknown>): string {
  return `nephele deployments create ${quoted(name || 'NAME')} -b ${quoted(blueprint)}${pairs('-i', inputs)}`;
}

/** A command of the shell that starts the same run. */
export function startCommand(workflow: string, deployment: string, parameters: Record<string, unknown>, options: { dry_run: boolean; queue: boolean; force: boolean }): string {
  const switches = (['dry_run', 'queue', 'force'] as const).filter((name) => options[name]).map((name) => ` --${name.replace('_', '-')}`);
  return `nephele executions start ${quoted(workflow)} -d ${quoted(deployment)}${pairs('-p', parameters)}${switches.join('')}`;
}
