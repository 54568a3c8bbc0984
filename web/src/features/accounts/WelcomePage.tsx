import { Text } from "@mantine/core";
import { AnchorLink } from "@/ui/links";
import { AuthLayout } from "./AuthLayout";
import { RegisterForm } from "./RegisterForm";

const isTrial = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

/** The first run: nobody administers this installation yet. */
export function WelcomePage() {
  return (
    <AuthLayout
      title="Welcome"
      description="This installation is new. Make the first account: it administers the installation and lets others in."
      footer={
        <Text inherit>
          {isTrial
            ? "Just looking? The demo account's address and password were shown where the service was started. "
            : "Have an account already? "}
          <AnchorLink to="/login">Log in</AnchorLink>
        </Text>
      }
    >
      <RegisterForm button="Make the administrator's account" />
    </AuthLayout>
  );
}
