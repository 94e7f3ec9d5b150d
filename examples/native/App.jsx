import AsyncStorage from "@react-native-async-storage/async-storage";
import { createAuthContext, TransientError } from "evergreen-auth/native";
import * as React from "react";
import { AppState, Button, FlatList, Text, TextInput, View } from "react-native";

import { createAuthService } from "./auth-service.js";

const { auth, products } = createAuthService("https://api.example.com/api", { AsyncStorage, AppState });
const { AuthProvider, useAuth } = createAuthContext(React);

export default function App() {
  return (
    <AuthProvider auth={auth}>
      <View>
        <Screen />
      </View>
    </AuthProvider>
  );
}

function Screen() {
  const { user, loading } = useAuth();
  if (loading) return <Text>One moment …</Text>;
  return user ? <Products /> : <SignIn />;
}

function SignIn() {
  const { login, auth } = useAuth();
  const [email, setEmail] = React.useState("");
  const [password, setPassword] = React.useState("");
  const [error, setError] = React.useState(null);
  const [isUnknown, setUnknown] = React.useState(false);
  const signIn = () => login({ email, password }).catch(({ message }) => setError(message));
  // An app that is opened without a network cannot know yet whether somebody is signed in.
  const restore = () => auth.refresh().catch((failure) => setUnknown(failure instanceof TransientError));

  React.useEffect(() => void restore(), []);
  return (
    <>
      <TextInput
        accessibilityLabel="Email address"
        autoCapitalize="none"
        autoComplete="email"
        inputMode="email"
        onChangeText={setEmail}
        value={email}
      />
      <TextInput
        accessibilityLabel="Password"
        autoComplete="current-password"
        onChangeText={setPassword}
        secureTextEntry
        value={password}
      />
      {error && <Text accessibilityRole="alert">{error}</Text>}
      <Button title="Sign in" onPress={signIn} />
      {isUnknown && (
        <>
          <Text>It could not be found out whether you are signed in.</Text>
          <Button title="Try again" onPress={restore} />
        </>
      )}
    </>
  );
}

function Products() {
  const { user, logout } = useAuth();
  const [items, setItems] = React.useState([]);
  const [error, setError] = React.useState(null);

  async function load() {
    setError(null);
    await products().then(setItems, ({ message }) => setError(message));
  }

  // Where the storage fails the app is signed out all the same, and the server is told.
  const signOut = () => logout().catch(({ message }) => console.warn(message));

  React.useEffect(() => void load(), []);
  return (
    <>
      <Text>Hello, {user.first_name}</Text>
      {error && <Text accessibilityRole="alert">{error}</Text>}
      <FlatList data={items} keyExtractor={({ id }) => `${id}`} renderItem={({ item }) => <Text>{item.name}</Text>} />
      <Button title="Call again" onPress={load} />
      <Button title="Sign out" onPress={signOut} />
    </>
  );
}
