// Every page with its address. What a page shows is in its search parameters, so that an address is a view.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';

import { Frame } from './frame/Frame';
import { Lost } from './frame/Lost';

type Search = Record<string, unknown>;
const text = (value: unknown): string | undefined => (value === undefined || value === '' ? undefined : String(value));

/** Keeps the named parameters that are texts. */
function keep<Name extends string>(...names: Name[]) {
  return (search: Search): { [K in Name]?: string } => {
    const kept: { [K in Name]?: string } = {};
    for (const name of names) {
      const value = text(search[name]);
      if (value !== undefined) kept[name] = value;
    }
    return kept;
  };
}

const root = createRootRoute({ component: Frame, notFoundComponent: Lost });

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./home/HomePage'), 'HomePage'),
});
const deployments = createRoute({
  getParentRoute: () => root,
  path: '/deployments',
  validateSearch: keep('q', 'sort', 'view', 'saved'),
  component: lazyRouteComponent(() => import('./deployments/DeploymentsPage'), 'DeploymentsPage'),
});
const deployment = createRoute({
  getParentRoute: () => root,
  path: '/deployments/$id',
  validateSearch: keep('tab', 'node', 'q', 'over'),
  component: lazyRouteComponent(() => import('./deployment/DeploymentPage'), 'DeploymentPage'),
});
const runs = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  validateSearch: keep('show', 'sort', 'deployment'),
  component: lazyRouteComponent(() => import('./runs/RunsPage'), 'RunsPage'),
});
const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$id',
  validateSearch: keep('view', 'task', 'q'),
  component: lazyRouteComponent(() => import('./run/RunPage'), 'RunPage'),
});

const workflow = createRoute({
  getParentRoute: () => root,
  path: '/deployments/$id/run/$workflow',
  component: lazyRouteComponent(() => import('./deploy/RunWorkflowPage'), 'RunWorkflowPage'),
});
const deploy = createRoute({
  getParentRoute: () => root,
  path: '/deploy/$blueprint',
  component: lazyRouteComponent(() => import('./deploy/DeployPage'), 'DeployPage'),
});
const blueprints = createRoute({
  getParentRoute: () => root,
  path: '/blueprints',
  validateSearch: keep('q', 'sort', 'show'),
  component: lazyRouteComponent(() => import('./blueprints/BlueprintsPage'), 'BlueprintsPage'),
});
const blueprint = createRoute({
  getParentRoute: () => root,
  path: '/blueprints/$id',
  validateSearch: keep('tab', 'file', 'other', 'how'),
  component: lazyRouteComponent(() => import('./blueprints/BlueprintPage'), 'BlueprintPage'),
});
const events = createRoute({
  getParentRoute: () => root,
  path: '/events',
  validateSearch: keep('q'),
  component: lazyRouteComponent(() => import('./events/EventsPage'), 'EventsPage'),
});
const secrets = createRoute({
  getParentRoute: () => root,
  path: '/secrets',
  validateSearch: keep('q'),
  component: lazyRouteComponent(() => import('./secrets/SecretsPage'), 'SecretsPage'),
});
const plugins = createRoute({
  getParentRoute: () => root,
  path: '/plugins',
  validateSearch: keep('q'),
  component: lazyRouteComponent(() => import('./plugins/PluginsPage'), 'PluginsPage'),
});
const resources = () => import('./resources/ResourcePages');
const admin = () => import('./admin/AdminPages');
const rest = [
  createRoute({ getParentRoute: () => root, path: '/sites', component: lazyRouteComponent(resources, 'SitesPage') }),
  createRoute({ getParentRoute: () => root, path: '/schedules', component: lazyRouteComponent(() => import('./resources/SchedulesPage'), 'SchedulesPage') }),
  createRoute({ getParentRoute: () => root, path: '/filters', component: lazyRouteComponent(() => import('./resources/FiltersPage'), 'FiltersPage') }),
  createRoute({ getParentRoute: () => root, path: '/agents', component: lazyRouteComponent(resources, 'AgentsPage') }),
  createRoute({ getParentRoute: () => root, path: '/users', component: lazyRouteComponent(admin, 'UsersPage') }),
  createRoute({ getParentRoute: () => root, path: '/groups', component: lazyRouteComponent(admin, 'GroupsPage') }),
  createRoute({ getParentRoute: () => root, path: '/tenants', component: lazyRouteComponent(admin, 'TenantsPage') }),
  createRoute({ getParentRoute: () => root, path: '/audit', component: lazyRouteComponent(admin, 'AuditPage') }),
  createRoute({ getParentRoute: () => root, path: '/profile', component: lazyRouteComponent(() => import('./profile/ProfilePage'), 'ProfilePage') }),
  createRoute({ getParentRoute: () => root, path: '/system', component: lazyRouteComponent(() => import('./system/SystemPage'), 'SystemPage') }),
] as const;

const tree = root.addChildren([
  home, deployments, deployment, workflow, runs, run, deploy, blueprints, blueprint, events, secrets, plugins, ...rest,
]);

export const router = createRouter({
  routeTree: tree,
  basepath: '/console',
  defaultPreload: 'intent',
  // Values are texts: `?q=12` is no number.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
    const query = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    return query ? `?${query}` : '';
  },
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
