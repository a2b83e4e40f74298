export { ComputeProvider } from './provider/compute-provider.ts'
