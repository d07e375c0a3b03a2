// The filter language of lists: `status:attention label:env=prod blueprint:web* shop`. Words without a key search names.

export interface Filter {
  status: string[];
  blueprint: string[];
  site: string[];
  by: string[];
  labels: { key: string; values: string[] }[];
  search: string;
}

export interface Rule {
  type: 'attribute' | 'label';
  key: string;
  operator: string;
  values: string[];
}

const KEYS = ['status', 'blueprint', 'site', 'by'] as const;

/** Words of a text; quotes hold words together. */
export function words(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map((found) => found[0].replaceAll('"', ''));
}

export function parse(text: string): Filter {
  const filter: Filter = { status: [], blueprint: [], site: [], by: [], labels: [], search: '' };
  const rest: string[] = [];
  for (const word of words(text)) {
    const colon = word.indexOf(':');
    const [key, value] = colon > 0 ? [word.slice(0, colon), word.slice(colon + 1)] : ['', word];
    const known = KEYS.find((name) => name === key);
    if (known && value) filter[known].push(...value.split(',').filter(Boolean));
    else if (key === 'label' && value) {
      const [name = '', values = ''] = value.split(/=(.*)/s);
      filter.labels.push({ key: name, values: values.split(',').filter(Boolean) });
    } else rest.push(word);
  }
  filter.search = rest.join(' ');
  return filter;
}

/** The text that parses to a filter again. */
export function show(filter: Filter): string {
  const quoted = (value: string) => (/\s/.test(value) ? `"${value}"` : value);
  const parts = KEYS.flatMap((key) => (filter[key].length > 0 ? [`${key}:${quoted(filter[key].join(','))}`] : []));
  for (const { key, values } of filter.labels) parts.push(`label:${key}${values.length > 0 ? `=${quoted(values.join(','))}` : ''}`);
  if (filter.search) parts.push(filter.search);
  return parts.join(' ');
}

/** Rules of the manager for all but the status and the search. */
export function rules(filter: Filter): Rule[] {
  const all: Rule[] = [];
  const attribute = (key: string, values: string[]) => {
    const starts = values.filter((value) => value.endsWith('*')).map((value) => value.slice(0, -1));
    const whole = values.filter((value) => !value.endsWith('*'));
    if (starts.length > 0) all.push({ type: 'attribute', key, operator: 'starts_with', values: starts });
    if (whole.length > 0) all.push({ type: 'attribute', key, operator: 'any_of', values: whole });
  };
  attribute('blueprint_id', filter.blueprint);
  attribute('site_name', filter.site);
  attribute('created_by', filter.by);
  for (const { key, values } of filter.labels) {
    all.push(values.length > 0
      ? { type: 'label', key, operator: 'any_of', values }
      : { type: 'label', key, operator: 'is_not_null', values: [] });
  }
  return all;
}

/** Whether nothing is filtered. */
export function isEmpty(filter: Filter): boolean {
  return show(filter) === '';
}
