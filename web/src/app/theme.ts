import {
  type AlertProps,
  type AnchorProps,
  type BadgeProps,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  type MenuProps,
  type ModalProps,
  type NotificationProps,
  type PasswordInputProps,
  type TableProps,
  type TooltipProps,
} from "@mantine/core";

/** Ours: the sea at the foot of a letter box. Shade 7 carries white text at 5.9:1. */
const petrol: MantineColorsTuple = [
  "#e8f6f6",
  "#d0ebec",
  "#a5d8da",
  "#76c3c7",
  "#4bafb4",
  "#2a9aa0",
  "#15848b",
  "#0b6e75",
  "#095a60",
  "#084a50",
];

const gray: MantineColorsTuple = [
  "#f6f8f8",
  "#eef1f2",
  "#e2e7e8",
  "#d2d9db",
  "#b6c0c3",
  "#8d9a9e",
  "#68767a",
  "#536064",
  "#364145",
  "#1b2326",
];

const dark: MantineColorsTuple = [
  "#dde4e5",
  "#b9c3c6",
  "#98a5a9",
  "#728085",
  "#3d494d",
  "#2e383b",
  "#222a2d",
  "#171e20",
  "#11171a",
  "#0b1011",
];

const fontFamily =
  '"Geist Variable", ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

interface Usually<Props> {
  defaultProps?: Partial<Props>;
  styles?: Props extends { styles?: infer Styles } ? Exclude<Styles, undefined> : never;
}
const usually = <Props>(made: Usually<Props>) => made;

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: 7,
  colors: { petrol, gray, dark },
  black: "#1b2326",
  defaultRadius: "md",
  radius: { xs: "3px", sm: "5px", md: "7px", lg: "11px", xl: "18px" },
  fontFamily,
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8438rem", md: "0.9375rem", lg: "1.0625rem", xl: "1.25rem" },
  headings: {
    fontFamily,
    fontWeight: "620",
    sizes: {
      h1: { fontSize: "1.5rem", lineHeight: "1.25" },
      h2: { fontSize: "1.125rem", lineHeight: "1.35" },
      h3: { fontSize: "0.9375rem", lineHeight: "1.4" },
    },
  },
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
  // Named, not imported: with what is only shown later, the first load would have to bring it.
  components: {
    Alert: usually<AlertProps>({
      styles: {
        title: { color: "var(--mantine-color-text)" }, // orange on orange is too faint to read
        message: { color: "var(--mantine-color-text)", fontSize: "var(--mantine-font-size-md)" },
      },
    }),
    Anchor: usually<AnchorProps>({ defaultProps: { underline: "always" } }),
    Badge: usually<BadgeProps>({
      defaultProps: { variant: "light" },
      styles: { label: { textTransform: "none" } },
    }),
    // Each is in a section of its own to us; to browsers a `header` there would be one of the page.
    DrawerHeader: { defaultProps: { component: "div" } },
    ModalHeader: { defaultProps: { component: "div" } },
    // Its placeholder for the focus is no child that a menu may have.
    Menu: usually<MenuProps>({ defaultProps: { withInitialFocusPlaceholder: false } }),
    Modal: usually<ModalProps>({
      defaultProps: { centered: true, closeButtonProps: { "aria-label": "Close" } },
    }),
    Notification: usually<NotificationProps>({
      defaultProps: { closeButtonProps: { "aria-label": "Close" } },
    }),
    PasswordInput: usually<PasswordInputProps>({
      defaultProps: {
        visibilityToggleButtonProps: { "aria-label": "Show or hide the password", tabIndex: 0 },
      },
    }),
    Table: usually<TableProps>({ defaultProps: { verticalSpacing: 8, horizontalSpacing: "md" } }),
    Tooltip: usually<TooltipProps>({ defaultProps: { withArrow: true, openDelay: 250 } }),
  },
});

/** Colours that Mantine's own choice of shades leaves below the contrast of WCAG AA, and those of states. */
export const cssVariablesResolver: CSSVariablesResolver = (theme) => ({
  variables: {
    "--sidebar": "#0a2b2f",
    "--sidebar-text": "#c3d9da",
    "--sidebar-dimmed": "#86a9ab",
    "--sidebar-active": "#174a4f",
  },
  light: {
    "--mantine-color-body": "#ffffff",
    "--page": "#f5f7f7",
    "--surface": "#ffffff",
    "--line": theme.colors.gray[2],
    "--mantine-color-text": "#1b2326",
    "--mantine-color-dimmed": theme.colors.gray[7],
    "--mantine-color-placeholder": theme.colors.gray[6],
    "--mantine-color-error": "#b3261e",
    "--mantine-color-anchor": petrol[7],
    "--mantine-color-default-border": theme.colors.gray[4],
    "--status-scheduled": "#4a6fa5",
    "--status-sending": "#8a4fd0",
    "--status-sent": "#1c7f4e",
    "--status-failed": "#c0362c",
    "--status-unknown": "#a35f00",
    "--status-cancelled": "#6b787c",
    "--chart-grid": theme.colors.gray[2],
  },
  dark: {
    "--mantine-color-body": theme.colors.dark[7],
    "--page": "#12181a",
    "--surface": theme.colors.dark[7],
    "--line": "#2a3437",
    "--sidebar": "#0c1517",
    "--sidebar-active": "#173235",
    "--mantine-color-text": theme.colors.dark[0],
    "--mantine-color-dimmed": theme.colors.dark[2],
    "--mantine-color-placeholder": "#869498",
    "--mantine-color-error": "#ff8a80",
    "--mantine-color-anchor": petrol[3],
    "--mantine-color-default-border": "#414e52",
    "--mantine-color-petrol-light-color": petrol[2],
    "--mantine-color-red-light": "#3b2222",
    "--mantine-color-orange-light": "#38291a",
    "--mantine-color-petrol-outline": petrol[3],
    "--status-scheduled": "#8fb1e3",
    "--status-sending": "#c4a1f5",
    "--status-sent": "#5fca93",
    "--status-failed": "#ff8a80",
    "--status-unknown": "#f0b455",
    "--status-cancelled": "#98a5a9",
    "--chart-grid": "#2a3437",
  },
});
