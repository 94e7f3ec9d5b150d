import { useProducts } from "./use-products.js";

export function Products() {
  const { products, calls, isBusy, error, callAgain } = useProducts();
  return (
    <section className="card" aria-labelledby="products">
      <h2 id="products">Products</h2>
      {error && <p role="alert">The products could not be loaded: {error.message}</p>}
      <ul>
        {products.map((product) => (
          <Product key={product.id} {...product} />
        ))}
      </ul>
      <div className="row">
        <button type="button" onClick={callAgain}>
          Call again
        </button>
        <p aria-live="polite">{isBusy ? "Calling …" : `Call ${calls} was answered.`}</p>
      </div>
    </section>
  );
}

function Product({ name, description, price_cents: cents, currency }) {
  const price = new Intl.NumberFormat("en", { style: "currency", currency }).format(cents / 100);
  return (
    <li>
      <span>
        <strong>{name}</strong>
        {description}
      </span>
      <data value={cents}>{price}</data>
    </li>
  );
}
