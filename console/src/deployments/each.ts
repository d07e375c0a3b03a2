// The same done to several things, a few at a time, and what became of each.

export interface Outcome {
  id: string;
  /** The run that was started. */
  run: string | null;
  /** Why it was not done. */
  problem: string | null;
}

/** More at once would only wait for each other. */
const AT_ONCE = 6;

/** Does `work` for each id; one that fails does not keep the others from being tried. */
export async function each(ids: string[], work: (id: string) => Promise<Partial<Outcome> | undefined>): Promise<Outcome[]> {
  const outcomes: Outcome[] = ids.map((id) => ({ id, run: null, problem: null }));
  let next = 0;
  const hand = async () => {
    for (let at = next++; at < ids.length; at = next++) {
      const outcome = outcomes[at] as Outcome;
      try {
        Object.assign(outcome, await work(outcome.id));
      } catch (error) {
        outcome.problem = (error as Error).message;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, hand));
  return outcomes;
}
