import { useAuth } from "./auth.js";
import { Products } from "./Products.jsx";
import { SignIn } from "./SignIn.jsx";
import { useNews } from "./use-news.js";

export function App() {
  const { user, loading, logout, auth } = useAuth();
  const news = useNews(auth);
  return (
    <>
      <header>
        <p className="brand">Evergreen · React</p>
        {user && (
          <button type="button" className="quiet" onClick={logout}>
            Sign out
          </button>
        )}
      </header>
      <main aria-busy={loading}>
        <Page user={user} loading={loading} />
      </main>
      <footer>
        <p role="status">{news}</p>
      </footer>
    </>
  );
}

function Page({ user, loading }) {
  if (loading) return <p>One moment …</p>;
  if (!user) return <SignIn />;
  return (
    <>
      <h1>
        Hello, {user.first_name} {user.last_name}
      </h1>
      <Products />
    </>
  );
}
