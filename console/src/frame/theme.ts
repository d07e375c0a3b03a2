import { createTheme, type MantineColorsTuple } from '@mantine/core';

const iris: MantineColorsTuple = [
  '#f0f0fe', '#e0e0fb', '#c2c2f5', '#a1a1f0', '#8484ea', '#6b6be2', '#5b5bd6', '#5353cf', '#4646b8', '#37379a',
];
const dark: MantineColorsTuple = [
  '#e8ebf0', '#b0b8c5', '#8b95a5', '#5a6473', '#38414f', '#2b333f', '#1b2029', '#151920', '#10141a', '#0e1116',
];

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { light: 7, dark: 6 },
  colors: { iris, dark },
  fontFamily: 'var(--sans)',
  fontFamilyMonospace: 'var(--mono)',
  defaultRadius: 'md',
  fontSizes: { xs: '12px', sm: '13px', md: '13.5px', lg: '15px', xl: '18px' },
  components: {
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.35, blur: 2 } } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, fz: 12 } },
    Menu: { defaultProps: { shadow: 'md', radius: 'md' } },
  },
});
