// The search line of events.
import { words } from '../deployments/filter';

/** So many lines are shown at once. */
export const SIZE = 2000;
/** Past so many lines a narrower search helps more than earlier ones. */
export const MOST = 64_000;
/** Facets of the search line, and the fields of events that they are. */
const FACETS: Record<string, string> = {
  level: 'level', kind: 'event_type', deployment: 'deployment_id', node: 'node_name', instance: 'node_instance_id', operation: 'operation', run: 'execution_id', blueprint: 'blueprint_id',
};

/** The query that a search line stands for. */
export function queryOf(text: string, size = SIZE): URLSearchParams {
  const query = new URLSearchParams({ _size: String(size), _sort: '-reported_timestamp' });
  const rest: string[] = [];
  for (const word of words(text)) {
    const [key = '', value = ''] = word.split(/:(.*)/s);
    const field = FACETS[key];
    if (field && value) value.split(',').filter(Boolean).forEach((one) => query.append(field, one));
    else rest.push(word);
  }
  if (rest.length > 0) query.set('message', `%${rest.join(' ')}%`);
  return query;
}
