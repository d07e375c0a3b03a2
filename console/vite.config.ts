import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// `npm run dev` shows the console of a manager that runs on MANAGER, with the login of NEPHELE_USER and NEPHELE_PASSWORD.
const manager = process.env.MANAGER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  build: {
    target: 'es2022',
    emptyOutDir: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  test: { include: ['test/**/*.test.ts'] },
  server: { proxy: { '/api': manager, '/resources': manager } },
});
