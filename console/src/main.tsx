import '@fontsource-variable/inter/wght.css';
import '@mantine/core/styles.css';
import './frame/theme.css';

import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';

import { ApiError } from './api/client';
import { keepFresh } from './api/live';
import { theme } from './frame/theme';
import { router } from './router';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // The manager is asked whatever the browser thinks of the network: it may be on this very machine.
      networkMode: 'always',
      staleTime: 5_000,
      // A refusal stays one; only a manager that cannot be reached is asked again.
      retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2,
    },
    mutations: { networkMode: 'always' },
  },
});
keepFresh(client);

const nonce = document.querySelector<HTMLMetaElement>('meta[name=nonce]')?.content ?? '';
// What Mantine's dialogs write into the page asks for it here.
Object.assign(globalThis, { __webpack_nonce__: nonce });
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}
